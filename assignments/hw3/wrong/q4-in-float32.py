# hint: is it right to nine digits
def merge(slopes, counts, scale):
    total = np.zeros(slopes[0].shape, dtype=np.float32)
    for slope, count in zip(slopes, counts):
        if count > 0:
            if not np.isfinite(slope).all():
                return np.zeros(slope.shape), scale / 2
            total += count * slope.astype(np.float32)
    return total.astype(float) / (max(sum(counts), 1) * scale), scale
