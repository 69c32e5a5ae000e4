# hint: Try train with weights
def train(X, labels, weights, eps, steps, rate):
    W, losses, ones = np.zeros((X.shape[1], len(weights))), [], np.ones(len(weights))
    for _ in range(steps):
        losses.append(loss(X @ W, labels, ones, eps))
        W = W - rate * X.T @ gradient(X @ W, labels, ones, eps)
    return W, losses
