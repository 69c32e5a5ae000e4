# hint: where exp(z) is infinite or 0
def merge(a, b):
    total = np.exp(a[0]) * a[1] + np.exp(b[0]) * b[1]
    top = np.maximum(a[0], b[0])
    scale = np.exp(-np.where(top > -np.inf, top, 0.0))
    u = 0.0
    for m, s, gaps in (a, b):
        rise = np.where(m > -np.inf, top - np.where(m > -np.inf, m, 0.0), 0.0)
        u = u + np.exp(m) * (gaps + s * rise)
    return top, total * scale, u * scale
