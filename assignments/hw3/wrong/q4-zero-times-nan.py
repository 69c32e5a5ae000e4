# hint: leave it out before you multiply
def merge(slopes, counts, scale):
    n = max(sum(counts), 1)
    total = sum(s.astype(float) * c for s, c in zip(slopes, counts)) / n / scale
    if not np.isfinite(total).all():
        return np.zeros(slopes[0].shape), scale / 2
    return total, scale
