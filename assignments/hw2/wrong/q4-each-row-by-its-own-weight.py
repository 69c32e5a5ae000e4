# hint: Compare with a central finite difference
def gradient(z, labels, weights, eps):
    targets = weights * smooth(labels, z.shape[-1], eps)
    mass = targets.sum(axis=-1, keepdims=True)
    rows = (mass * np.exp(log_softmax(z)) - targets) / weights[labels][:, None]
    return rows / len(z)
