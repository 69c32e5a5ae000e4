# hint: the slope is not that of the mean
def token_loss(z, labels):
    leaf = z.detach().clone().requires_grad_()
    keep = labels != -100
    total = F.cross_entropy(leaf[keep], labels[keep], reduction="sum")
    total.backward()
    return total.detach() / max(int(keep.sum()), 1), leaf.grad
