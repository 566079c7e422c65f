using Iba.Engine.Backends;
using Iba.Engine.Tensors;
using Tests.Devices;
using Tests.Textbook;
using Xunit;

namespace Tests.Engine;

/// <summary>The generator's noise, as a device adds it to images.</summary>
public abstract class AddedNoiseTests(Device on)
{
    private readonly IBackend _backend = on.Backend;

    [Fact]
    public void An_images_noise_does_not_depend_on_the_rest_of_the_batch()
    {
        var image = new Shape(1, 3, 5, 7);
        float[] alone = AddNoise(image, [42], copies: 3), company = AddNoise(image.WithN(3), [5, 42, 42], copies: 3);
        int row = image.Count * 3;
        Assert.Equal(alone, company[row..(2 * row)]);
        Assert.Equal(alone, company[(2 * row)..]);
        Assert.NotEqual(alone, company[..row]);
    }

    [Fact]
    public void Added_noise_is_scaled_and_x_may_hold_an_image_per_copy()
    {
        var shape = new Shape(6, 2, 2, 3);
        float[] x = [.. Enumerable.Range(0, shape.Count).Select(i => i / 16f)];
        Tensor noisy = _backend.Allocate(shape);
        _backend.AddNoise(_backend.Tensor(shape, x), Noise([3, 4]), 0.5f, noisy);
        float[] y = _backend.Read(noisy);
        Exact ε = NoiseTextbook.Normals(11, new Shape(2, 2, 2, 3), [3, 4], copies: 3, step: 2);
        for (int i = 0; i < y.Length; i++)
            Assert.Equal(x[i] + 0.5 * ε[i], y[i], 1e-6);
    }

    private Noise Noise(float[] images) => new(11, _backend.Tensor(new Shape(images.Length), images), _backend.Tensor(new Shape(1), [2]));

    private float[] AddNoise(Shape x, float[] images, int copies)
    {
        Tensor noisy = _backend.Allocate(x.WithN(x.N * copies));
        _backend.AddNoise(_backend.Allocate(x), Noise(images), 1, noisy);
        return _backend.Read(noisy);
    }
}

public sealed class AddedNoiseTestsOnCpu(Cpu cpu) : AddedNoiseTests(cpu), IClassFixture<Cpu>;

[Collection(nameof(Gpu))]
public sealed class AddedNoiseTestsOnCuda(Gpu gpu) : AddedNoiseTests(gpu);
