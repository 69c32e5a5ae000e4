# hint: What does it multiply
def last_layer(x, W, labels, lam, chunk):
    used, total = np.flatnonzero(labels >= 0), 0.0
    if len(used) == 0:
        raise ValueError("nothing to average")
    grad_x, grad_W = np.zeros(x.shape), np.zeros(W.shape)
    for i in range(0, len(used), chunk):
        rows = used[i : i + chunk]
        z, place = x[rows] @ W.T, (np.arange(len(rows)), labels[rows])
        m = z.max(axis=1)
        lse = m + np.log(np.exp(z - m[:, None]).sum(axis=1))
        total += (lse - z[place] + lam * lse**2).sum()
        slope = np.exp(z - lse[:, None])
        slope[place] -= 1
        grad_x[rows] = slope @ W / len(used)
        grad_W += slope.T @ x[rows] / len(used)
    return total / len(used), grad_x, grad_W
