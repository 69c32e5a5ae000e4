# hint: each of its gaps m - z grows by 2
def merge(a, b):
    top = np.maximum(a[0], b[0])
    one = np.exp(np.where(a[0] > -np.inf, a[0] - top, 0.0))
    two = np.exp(np.where(b[0] > -np.inf, b[0] - top, 0.0))
    return top, one * a[1] + two * b[1], one * a[2] + two * b[2]
