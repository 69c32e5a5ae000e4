# hint: use float64 throughout
def train(X, labels, K, passes, size, rate, momentum):
    X, y = torch.tensor(X), torch.tensor(labels)
    W = torch.zeros(X.shape[1], K, dtype=torch.float64, requires_grad=True)
    b = torch.zeros(K, dtype=torch.float64, requires_grad=True)
    step = torch.optim.SGD([W, b], lr=rate, momentum=momentum)
    losses = [F.cross_entropy(X @ W + b, y).item()]
    for _ in range(passes):
        for start in range(0, len(y), size):
            rows = slice(start, start + size)
            step.zero_grad()
            F.cross_entropy(X[rows] @ W + b, y[rows]).backward()
            step.step()
        losses.append(F.cross_entropy(X @ W + b, y).item())
    return W.detach().float().numpy(), b.detach().float().numpy(), losses
