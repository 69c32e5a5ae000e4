# hint: Three of four right
def fit(z, offset, labels):
    came = z[np.arange(len(z)), labels]
    if slopes(0.0, z, offset, labels)[0] >= 0 or (came == z.max(axis=1)).all():
        raise ValueError("no best beta")
    betas = np.geomspace(1e-5, 1e5, 2001)
    first = [abs(slopes(b, z, offset, labels)[0]) for b in betas]
    return betas[np.argmin(first)]
