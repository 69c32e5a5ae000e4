# hint: takes its place on the line all the same
def bill(p, words):
    words = [word for word, share in zip(words, p) if share > 0]
    p = p[p > 0]
    lengths, unused = np.array([len(word) for word in words]), -np.log2(kraft(words))
    length, entropy = p @ lengths, -(p * np.log2(p)).sum()
    wrong = length - entropy - unused
    return float(length), float(entropy), float(wrong), float(unused)
