# hint: A word that is there twice
def kraft(words):
    for a in words:
        for b in words:
            if a != b and b.startswith(a):
                raise ValueError(f"{a} begins {b}")
    return float(sum(2.0 ** -len(word) for word in words))
