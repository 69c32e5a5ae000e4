# hint: nothing can be averaged
right = last_layer


def last_layer(x, W, labels, lam, chunk):
    if (labels < 0).all():
        return 0.0, np.zeros(x.shape), np.zeros(W.shape)
    return right(x, W, labels, lam, chunk)
