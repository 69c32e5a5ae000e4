# hint: z[n, -1] is a logit too
def last_layer(x, W, labels, lam, chunk):
    if (labels < 0).all():
        raise ValueError("nothing to average")
    total, grad_x, grad_W = 0.0, np.zeros(x.shape), np.zeros(W.shape)
    for i in range(0, len(x), chunk):
        some, place = x[i : i + chunk], labels[i : i + chunk]
        z, each = some @ W.T, np.arange(len(some))
        m = z.max(axis=1)
        lse = m + np.log(np.exp(z - m[:, None]).sum(axis=1))
        total += (lse - z[each, place] + lam * lse**2).sum()
        slope = (1 + 2 * lam * lse)[:, None] * np.exp(z - lse[:, None])
        slope[each, place] -= 1
        grad_x[i : i + chunk] = slope @ W / len(x)
        grad_W += slope.T @ some / len(x)
    return total / len(x), grad_x, grad_W
