# hint: Compare the gradient with a central finite difference
def seen_gradient(z, written, F):
    chances = F[:, written].T
    target = chances / chances.sum(axis=1, keepdims=True)
    return (np.exp(log_softmax(z)) - target) / len(z)
