# hint: A part with a count of 0 must not matter
def merge(slopes, counts, scale):
    if not all(np.isfinite(s).all() for s in slopes):
        return np.zeros(slopes[0].shape), scale / 2
    n = max(sum(counts), 1)
    total = sum(s.astype(float) * c for s, c in zip(slopes, counts))
    return total / (n * scale), scale
