# hint: A part that counts holds an infinity
def merge(slopes, counts, scale):
    pairs = [
        (s.astype(float), c)
        for s, c in zip(slopes, counts)
        if c > 0 and np.isfinite(s).all()
    ]
    total = sum((s * c for s, c in pairs), np.zeros(slopes[0].shape))
    return total / (max(sum(c for _, c in pairs), 1) * scale), scale
