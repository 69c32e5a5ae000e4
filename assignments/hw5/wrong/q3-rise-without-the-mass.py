# hint: What does that add to u
def merge(a, b):
    top, s, u = np.maximum(a[0], b[0]), 0.0, 0.0
    for m, mass, gaps in (a, b):
        rise = np.where(m > -np.inf, top - np.where(m > -np.inf, m, 0.0), 0.0)
        s = s + np.exp(-rise) * mass
        u = u + np.exp(-rise) * (gaps + rise)
    return top, s, u
