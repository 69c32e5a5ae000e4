# hint: ten thousand times as small
def fit(z, offset, labels):
    came = z[np.arange(len(z)), labels]
    if slopes(0.0, z, offset, labels)[0] >= 0 or (came == z.max(axis=1)).all():
        raise ValueError("no best beta")
    low, high = 0.0, 100.0
    for _ in range(100):
        middle = (low + high) / 2
        if slopes(middle, z, offset, labels)[0] < 0:
            low = middle
        else:
            high = middle
    return middle
