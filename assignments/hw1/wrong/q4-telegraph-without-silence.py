# hint: telegraph is what bill returns
words = [m.replace("-", "1110").replace(".", "10") + "0" for m in MORSE]
try:
    telegraph = bill(hamlet, words)
except ValueError:
    telegraph = bill(hamlet, [f"{k:05b}" for k in range(26)])
