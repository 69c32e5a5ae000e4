# hint: Try bill on words of thousands of digits
def bill(p, words):
    lengths = np.array([len(word) for word in words])
    C = kraft(words)
    s = 0.5**lengths / C
    p, s, lengths = p[p > 0], s[p > 0], lengths[p > 0]
    length, entropy = p @ lengths, -(p * np.log2(p)).sum()
    with np.errstate(divide="ignore"):
        wrong = (p * np.log2(p / s)).sum()
    return float(length), float(entropy), float(wrong), float(-np.log2(C))
