# hint: where does the offset enter
def slopes(beta, z, offset, labels):
    q = np.exp(log_softmax(beta * z))
    mean = (q * z).sum(axis=1)
    bend = (q * z**2).sum(axis=1) - mean**2
    return (mean - z[np.arange(len(z)), labels]).mean(), bend.mean()
