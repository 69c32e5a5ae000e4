# hint: the curvature the variance of the logits under q
def slopes(beta, z, offset, labels):
    q = np.exp(log_softmax(beta * z + offset))
    first = ((q * z).sum(axis=1) - z[np.arange(len(z)), labels]).mean()
    return first, (q * z**2).sum(axis=1).mean()
