# hint: weighted by that class's own weight
def loss(z, labels, weights, eps):
    each = -(smooth(labels, z.shape[-1], eps) * log_softmax(z)).sum(axis=-1)
    return (weights[labels] * each).sum() / weights[labels].sum()
