# hint: And leave both states as they are
def merge(a, b):
    top = np.maximum(a[0], b[0])
    for m, s, u in (a, b):
        rise = np.subtract(top, m, out=np.zeros(top.shape), where=m > -np.inf)
        u += s * rise
        u *= np.exp(-rise)
        s *= np.exp(-rise)
        m[:] = top
    return top, a[1] + b[1], a[2] + b[2]
