# hint: use log2
def bill(p, words):
    lengths, unused = np.array([len(word) for word in words]), -np.log(kraft(words))
    seen = p > 0
    length, entropy = p @ lengths, -(p[seen] * np.log(p[seen])).sum()
    wrong = length - entropy - unused
    return float(length), float(entropy), float(wrong), float(unused)
