# hint: A part of 3 tokens counts three times as much
def merge(slopes, counts, scale):
    used = [s.astype(float) for s, n in zip(slopes, counts) if n > 0]
    if not used:
        return np.zeros(slopes[0].shape), scale
    if not all(np.isfinite(s).all() for s in used):
        return np.zeros(slopes[0].shape), scale / 2
    return sum(used) / (len(used) * scale), scale
