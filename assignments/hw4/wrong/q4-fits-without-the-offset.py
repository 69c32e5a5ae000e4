# hint: Without an offset yours may be right
right = fit


def fit(z, offset, labels):
    return right(z, np.zeros(z.shape[1]), labels)
