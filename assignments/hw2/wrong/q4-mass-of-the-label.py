# hint: It is not the label's weight once labels are smoothed
def gradient(z, labels, weights, eps):
    q = np.exp(log_softmax(z))
    mass = weights[labels][:, None]
    return mass * (q - smooth(labels, z.shape[-1], eps)) / weights[labels].sum()
