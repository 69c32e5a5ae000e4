# hint: Is the velocity kept from pass to pass
def train(X, labels, K, passes, size, rate, momentum):
    A, T = np.c_[X, np.ones(len(X))], np.eye(K)[labels]
    W = np.zeros((A.shape[1], K))

    def log_q(a):
        z = a @ W
        return z - np.logaddexp.reduce(z, axis=1, keepdims=True)

    losses = [-(T * log_q(A)).sum(axis=1).mean()]
    for _ in range(passes):
        v = np.zeros_like(W)
        for k in range(0, len(A), size):
            a, t = A[k : k + size], T[k : k + size]
            v = momentum * v + a.T @ (np.exp(log_q(a)) - t) / len(a)
            W = W - rate * v
        losses.append(-(T * log_q(A)).sum(axis=1).mean())
    return W[:-1], W[-1], losses
