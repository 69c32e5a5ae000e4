# hint: Try a batch of nothing but padding
def merge(slopes, counts, scale):
    pairs = [(s, c) for s, c in zip(slopes, counts) if c > 0]
    if not pairs or not all(np.isfinite(s).all() for s, _ in pairs):
        return np.zeros(slopes[0].shape), scale / 2
    total = sum(c * s.astype(float) for s, c in pairs)
    return total / (sum(counts) * scale), scale
