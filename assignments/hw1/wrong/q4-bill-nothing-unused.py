# hint: divide by C
def bill(p, words):
    lengths = np.array([len(word) for word in words])
    p, lengths = p[p > 0], lengths[p > 0]
    length, entropy = p @ lengths, -(p * np.log2(p)).sum()
    return float(length), float(entropy), float(length - entropy), 0.0
