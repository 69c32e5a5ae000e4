# hint: PyTorch wants the classes on axis 1
def token_loss(z, labels):
    leaf = z.detach().clone().requires_grad_()
    N, T, K = z.shape
    total = F.cross_entropy(leaf.reshape(N, K, T), labels, reduction="sum")
    loss = total / max(int((labels != -100).sum()), 1)
    loss.backward()
    return loss.detach(), leaf.grad
