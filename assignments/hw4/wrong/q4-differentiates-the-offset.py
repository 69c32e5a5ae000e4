# hint: where does the offset enter
def slopes(beta, z, offset, labels):
    a = beta * z + offset
    q = np.exp(log_softmax(a))
    mean = (q * a).sum(axis=1)
    bend = (q * a**2).sum(axis=1) - mean**2
    return (mean - a[np.arange(len(z)), labels]).mean(), bend.mean()
