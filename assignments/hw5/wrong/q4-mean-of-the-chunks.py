# hint: the last chunk holds
def last_layer(x, W, labels, lam, chunk):
    used, means = np.flatnonzero(labels >= 0), []
    if len(used) == 0:
        raise ValueError("nothing to average")
    grad_x, grad_W = np.zeros(x.shape), np.zeros(W.shape)
    for i in range(0, len(used), chunk):
        rows = used[i : i + chunk]
        z, place = x[rows] @ W.T, (np.arange(len(rows)), labels[rows])
        m = z.max(axis=1)
        lse = m + np.log(np.exp(z - m[:, None]).sum(axis=1))
        means.append((lse - z[place] + lam * lse**2).mean())
        slope = (1 + 2 * lam * lse)[:, None] * np.exp(z - lse[:, None])
        slope[place] -= 1
        grad_x[rows] = slope @ W / len(used)
        grad_W += slope.T @ x[rows] / len(used)
    return np.mean(means), grad_x, grad_W
