# hint: for a block that is all masked
def merge(a, b):
    top = np.maximum(a[0], b[0])
    one, two = np.exp(a[0] - top), np.exp(b[0] - top)
    u = one * (a[2] + a[1] * (top - a[0])) + two * (b[2] + b[1] * (top - b[0]))
    return top, one * a[1] + two * b[1], u
