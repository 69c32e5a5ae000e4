# hint: ten thousand times as large
def fit(z, offset, labels):
    came = z[np.arange(len(z)), labels]
    if slopes(0.0, z, offset, labels)[0] >= 0 or (came == z.max(axis=1)).all():
        raise ValueError("no best beta")
    beta = 1.0
    for _ in range(50):
        first, second = slopes(beta, z, offset, labels)
        beta = beta - first / second
    return beta
