# hint: the last chunk holds
whole = last_layer


def last_layer(x, W, labels, lam, chunk):
    used = np.flatnonzero(labels >= 0)
    if len(used) == 0:
        raise ValueError("nothing to average")
    total, grad_x, grad_W = 0.0, np.zeros(x.shape), np.zeros(W.shape)
    for c in range(max(len(used) // chunk, 1)):
        rows = used[c * chunk : (c + 1) * chunk]
        share = len(rows) / len(used)
        loss, for_x, for_W = whole(x[rows], W, labels[rows], lam, chunk)
        total += share * loss
        grad_x[rows] = share * for_x
        grad_W += share * for_W
    return total, grad_x, grad_W
