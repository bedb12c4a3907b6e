"""A net by hand, a convolutional one, and a variational autoencoder."""
# The programs are in the manner of their authors: they print, format with % and have classes in functions.
# ruff: noqa: T201, UP032

from __future__ import annotations

import copy
import io
from typing import Any

import numpy as np

from autodiff.data.idx import EMBEDDED, load_mnist
from torch_programs.start import Result, start_from_arrays


def two_layer(torch: Any, nn: Any, F: Any, optim: Any) -> Result:
    Variable = torch.autograd.Variable
    rng = np.random.RandomState(1)
    dtype = torch.cuda.FloatTensor if torch.cuda.is_available() else torch.FloatTensor
    N, D_in, H, D_out = 32, 20, 16, 3
    x = Variable(torch.from_numpy(rng.randn(N, D_in)).type(dtype))
    y = Variable(torch.from_numpy(rng.randn(N, D_out)).type(dtype), requires_grad=False)
    w1 = Variable(dtype((rng.randn(D_in, H) / 4).tolist()), requires_grad=True)
    w2 = Variable(dtype((rng.randn(H, D_out) / 4).tolist()), requires_grad=True)
    losses, learning_rate = [], np.float64(2e-3)
    for t in range(150):
        y_pred = x.mm(w1).clamp(min=0).mm(w2)
        loss = (y_pred - y).pow(2).sum()
        if t % 50 == 0:
            print(t, loss.data.item(), "w1 is {} by {}".format(*w1.size()))
        loss.backward()
        w1.data -= learning_rate * w1.grad.data
        w2.data.add_(w2.grad.data, alpha=-float(learning_rate))
        w1.grad.data.zero_()
        w2.grad.data.zero_()
        losses.append(loss.item())

    model = nn.Sequential(nn.Linear(D_in, H), nn.Tanh(), nn.Linear(H, D_out))
    start_from_arrays(torch, model)
    loss_fn = nn.MSELoss(reduction="sum")
    for _ in range(5):
        loss = loss_fn(model(x), y)
        model.zero_grad()
        loss.backward()
        with torch.no_grad():
            for param in model.parameters():
                param -= 1e-3 * param.grad
        losses.insert(0, loss.item())
    hits = (model(x).max(1)[1] == y.max(1)[1]).sum().item()
    return losses[5:], [*losses[:10], hits]


def mnist_cnn(torch: Any, nn: Any, F: Any, optim: Any) -> Result:
    class Digits(torch.utils.data.Dataset):
        def __init__(self, images, labels, transform=None):
            self.images, self.labels, self.transform = images, labels, transform

        def __len__(self):
            return len(self.images)

        def __getitem__(self, index):
            if torch.is_tensor(index):
                index = index.tolist()
            image, label = self.images[index], self.labels[index]
            return (self.transform(image) if self.transform else image), int(label)

    class Net(nn.Module):
        def __init__(self):
            super(Net, self).__init__()  # noqa: UP008 - as it was written before Python 3
            self.conv1 = nn.Conv2d(1, 6, kernel_size=5)
            self.conv2 = nn.Conv2d(6, 8, kernel_size=5)
            self.bn = nn.BatchNorm2d(8)
            self.fc1 = nn.Linear(128, 32)
            self.fc2 = nn.Linear(32, 10)

        def forward(self, x):
            x = F.relu(F.max_pool2d(self.conv1(x), 2))
            x = F.relu(F.max_pool2d(self.bn(self.conv2(x)), 2), inplace=True)
            x = x.view(-1, self.num_flat_features(x))
            x = F.dropout(F.relu(self.fc1(x)), p=0.2, training=self.training)
            return F.log_softmax(self.fc2(x), dim=1)

        def num_flat_features(self, x):
            return int(np.prod([int(s) for s in x.size()[1:]]))

    device = torch.device("cuda:0" if torch.cuda.is_available() else "cpu")
    mnist = load_mnist(EMBEDDED)
    scale = lambda image: torch.from_numpy(image).float().unsqueeze(0).div(255).sub_(0.13).div_(0.31)
    loaders = {
        "train": torch.utils.data.DataLoader(
            Digits(mnist.train_images[:400], mnist.train_labels[:400], scale), batch_size=32, shuffle=True
        ),
        "val": torch.utils.data.DataLoader(Digits(mnist.test_images[:150], mnist.test_labels[:150], scale), 50),
    }
    model = Net().to(device)
    start_from_arrays(torch, model)
    optimizer = optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    scheduler = optim.lr_scheduler.StepLR(optimizer, step_size=2, gamma=0.5)
    return _fit_and_reload(torch, F, Net, model, optimizer, scheduler, loaders, device)


def _fit_and_reload(torch, F, Net, model, optimizer, scheduler, loaders, device):
    def test():
        model.eval()
        test_loss, correct = 0, 0
        with torch.no_grad():
            for data, target in loaders["val"]:
                data, target = data.to(device), target.to(device)
                output = model(data)
                test_loss += F.nll_loss(output, target, reduction="sum").item()
                pred = output.data.max(1, keepdim=True)[1]
                correct += pred.eq(target.data.view_as(pred)).cpu().sum()
        count = len(loaders["val"].dataset)
        print(
            "Test: loss {:.4f}, accuracy {}/{} ({:.0f}%)".format(
                test_loss / count, correct, count, 100.0 * correct / count
            )
        )
        return test_loss / count, correct.item() / count

    losses, best_acc, best_wts, exact = [], 0.0, None, [*test()]
    for epoch in range(1, 4):
        model.train()
        for batch_idx, (data, target) in enumerate(loaders["train"]):
            data, target = data.to(device), target.to(device)
            optimizer.zero_grad()
            loss = F.nll_loss(model(data), target)
            loss.backward()
            optimizer.step()
            if batch_idx % 5 == 0:
                print(
                    f"Epoch {epoch} [{batch_idx * len(data):>4}/400] Loss: {loss:.6f} lr {scheduler.get_last_lr()[0]:g}"
                )
        scheduler.step()
        val_loss, acc = test()
        losses.append(val_loss)
        if acc > best_acc:
            best_acc, best_wts = acc, copy.deepcopy(model.state_dict())
    assert best_acc > 0.6
    file = io.BytesIO()
    torch.save({"epoch": epoch, "state_dict": best_wts, "optimizer": optimizer.state_dict()}, file)
    file.seek(0)
    checkpoint = torch.load(file, map_location="cpu")
    model = Net().to(device)
    model.load_state_dict(checkpoint["state_dict"])
    optimizer.load_state_dict(checkpoint["optimizer"])
    assert checkpoint["epoch"] == 3
    assert test()[1] == best_acc
    return [exact[0], *losses], exact


def vae(torch: Any, nn: Any, F: Any, optim: Any) -> Result:
    class VAE(nn.Module):
        def __init__(self, latent=4):
            super().__init__()
            self.fc1 = nn.Linear(784, 64)
            self.fc21, self.fc22 = nn.Linear(64, latent), nn.Linear(64, latent)
            self.fc3, self.fc4 = nn.Linear(latent, 64), nn.Linear(64, 784)

        def encode(self, x):
            h1 = F.relu(self.fc1(x))
            return self.fc21(h1), self.fc22(h1)

        def reparametrize(self, mu, logvar):
            if not self.training:
                return mu
            std = logvar.mul(0.5).exp_()
            eps = torch.autograd.Variable(std.data.new(std.size()).normal_())
            return eps.mul(std).add_(mu)

        def decode(self, z):
            return torch.sigmoid(self.fc4(F.relu(self.fc3(z))))

        def forward(self, x):
            mu, logvar = self.encode(x.view(-1, 784))
            return self.decode(self.reparametrize(mu, logvar)), mu, logvar

    def loss_function(recon_x, x, mu, logvar):
        BCE = F.binary_cross_entropy(recon_x, x.view(-1, 784), reduction="sum")
        KLD_element = mu.pow(2).add_(logvar.exp()).mul_(-1).add_(1).add_(logvar)
        return BCE + torch.sum(KLD_element).mul_(-0.5)

    images = torch.FloatTensor(load_mnist(EMBEDDED).train_images[:256].astype(np.float32) / 255)
    model = VAE()
    start_from_arrays(torch, model)
    optimizer = optim.Adam(model.parameters(), lr=3e-3)
    model.eval()
    exact = [loss_function(*model(images)[:1], images, *model(images)[1:]).item() / len(images)]
    model.train()
    losses = []
    for _ in range(8):
        train_loss = 0
        for (data,) in torch.utils.data.DataLoader(torch.utils.data.TensorDataset(images), batch_size=32, shuffle=True):
            recon_batch, mu, logvar = model(data)
            loss = loss_function(recon_batch, data, mu, logvar)
            optimizer.zero_grad()
            loss.backward()
            train_loss += loss.data
            optimizer.step()
        losses.append(float(train_loss) / len(images))
    p, q = (
        torch.distributions.Normal(a.detach(), b)
        for a, b in ((mu, (logvar / 2).exp()), (torch.zeros(4), torch.ones(4)))
    )
    kld = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    assert torch.allclose(torch.distributions.kl_divergence(p, q).sum(), kld, rtol=1e-4)
    return losses, exact
