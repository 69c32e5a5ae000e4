# hint: in both orders
def kraft(words):
    for k, word in enumerate(words):
        for later in words[k + 1 :]:
            if later.startswith(word):
                raise ValueError(f"{word} begins {later}")
    return float(sum(2.0 ** -len(word) for word in words))
