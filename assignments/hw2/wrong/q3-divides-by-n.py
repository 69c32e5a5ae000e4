# hint: divide by the sum of the weights of the labels
def loss(z, labels, weights, eps):
    targets = weights * smooth(labels, z.shape[-1], eps)
    return -(targets * log_softmax(z)).sum() / len(z)
