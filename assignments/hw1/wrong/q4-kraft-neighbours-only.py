# hint: One offending pair of words is enough
def kraft(words):
    for word, following in zip(words, words[1:]):
        if following.startswith(word) or word.startswith(following):
            raise ValueError(f"{word} and {following}: one begins the other")
    return float(sum(2.0 ** -len(word) for word in words))
