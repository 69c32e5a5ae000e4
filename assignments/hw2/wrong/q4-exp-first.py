# hint: Try logits in the thousands
def gradient(z, labels, weights, eps):
    with np.errstate(over="ignore", invalid="ignore"):
        q = np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True)
    targets = weights * smooth(labels, z.shape[-1], eps)
    mass = targets.sum(axis=-1, keepdims=True)
    return (mass * q - targets) / weights[labels].sum()
