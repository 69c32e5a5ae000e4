# hint: Try logits in the thousands
def loss(z, labels, weights, eps):
    shares = np.exp(z - z.max(axis=-1, keepdims=True))
    q = shares / shares.sum(axis=-1, keepdims=True)
    targets = weights * smooth(labels, z.shape[-1], eps)
    return -(targets * np.log(q + 1e-300)).sum() / weights[labels].sum()
