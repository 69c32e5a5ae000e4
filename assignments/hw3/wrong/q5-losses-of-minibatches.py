# hint: then the loss over all rows after each
def train(X, labels, K, passes, size, rate, momentum):
    X, y = torch.tensor(X), torch.tensor(labels)
    W = torch.zeros(X.shape[1], K, dtype=X.dtype, requires_grad=True)
    b = torch.zeros(K, dtype=X.dtype, requires_grad=True)
    v, u = torch.zeros_like(W), torch.zeros_like(b)
    losses = [float(np.log(K))]
    for _ in range(passes):
        seen = []
        for rows in torch.arange(len(y)).split(size):
            loss = F.cross_entropy(X[rows] @ W + b, y[rows])
            seen.append(float(loss.detach()))
            g, h = torch.autograd.grad(loss, [W, b])
            with torch.no_grad():
                v, u = momentum * v + g, momentum * u + h
                W -= rate * v
                b -= rate * u
        losses.append(float(np.mean(seen)))
    return W.detach().numpy(), b.detach().numpy(), losses
