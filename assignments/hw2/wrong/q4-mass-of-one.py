# hint: The entries sum to zero
def gradient(z, labels, weights, eps):
    targets = weights * smooth(labels, z.shape[-1], eps)
    return (np.exp(log_softmax(z)) - targets) / weights[labels].sum()
