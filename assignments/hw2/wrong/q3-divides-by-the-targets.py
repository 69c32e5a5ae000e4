# hint: The denominator stays as it was without smoothing
def loss(z, labels, weights, eps):
    targets = weights * smooth(labels, z.shape[-1], eps)
    return -(targets * log_softmax(z)).sum() / targets.sum()
