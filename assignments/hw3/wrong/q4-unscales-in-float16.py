# hint: When do you leave float16
def merge(slopes, counts, scale):
    n = max(sum(counts), 1)
    total = np.zeros(slopes[0].shape)
    for slope, count in zip(slopes, counts):
        if count > 0:
            if not np.isfinite(slope).all():
                return np.zeros(slope.shape), scale / 2
            total += (slope / scale).astype(float) * (count / n)
    return total, scale
