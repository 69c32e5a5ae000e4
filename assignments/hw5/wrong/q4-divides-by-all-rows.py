# hint: the mean is over the three others
right = last_layer


def last_layer(x, W, labels, lam, chunk):
    share = (labels >= 0).mean()
    loss, grad_x, grad_W = right(x, W, labels, lam, chunk)
    return share * loss, share * grad_x, share * grad_W
