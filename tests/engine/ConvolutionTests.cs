using CsCheck;
using Iba.Engine.Backends;
using Iba.Engine.Tensors;
using Tests.Devices;
using Tests.Emulator;
using Tests.Textbook;
using Xunit;

namespace Tests.Engine;

public abstract class ConvolutionTests(Device on) : TestsOnDevice(on)
{
    private readonly IBackend _backend = on.Backend;
    private readonly ConvolutionChecks _checks = new(on.Backend);

    /// <summary>
    /// On a GPU without padding as wide as the kernel, which NVIDIA's libraries are rarely asked for: a fault there would fail every later test.
    /// The own kernel meets it in the emulator.
    /// </summary>
    private Gen<ConvolutionCase> Any => On is Gpu ? ConvolutionCase.OfLibraries : ConvolutionCase.Any;

    private int Cases => On.IsSlow ? 20 : 60;

    [Fact]
    public void Convolution_is_the_textbooks() => Any.Sample(_checks.Values, iter: Cases, threads: 1);

    [Fact]
    public void Gradient_of_the_data_is_the_textbooks() => Any.Sample(_checks.DataGradient, iter: Cases, threads: 1);

    [Fact]
    public void Gradient_of_the_weights_is_the_textbooks() => Any.Sample(_checks.WeightGradient, iter: Cases, threads: 1);

    [Fact]
    public void Convolutions_of_networks_are_the_textbooks()
    {
        foreach (ConvolutionCase c in On.IsSlow ? ConvolutionCase.OfNetworks.Skip(2).Take(1) : ConvolutionCase.OfNetworks)
        {
            _checks.Values(c);
            _checks.DataGradient(c);
            _checks.WeightGradient(c);
        }
    }

    [Fact]
    public void An_image_alone_gives_the_bits_it_gives_in_a_batch() => Any.Sample(c =>
    {
        using var numbers = new TestTensors(_backend);
        Shape one = c.X.WithN(1), many = c.X.WithN(5);
        Exact x = c.Numbers(many, 10), residual = c.Numbers(c.Y.WithN(5), 11);
        float[] all = c.Forward(numbers, x, c.Residual ? residual : null);
        for (int n = 0; n < 5; n++)
        {
            float[] alone = c.Forward(numbers, x.Image(n), c.Residual ? residual.Image(n) : null);
            On.Same(all[(n * alone.Length)..((n + 1) * alone.Length)], alone, $"{c}: image {n} of 5");
        }
    }, iter: Cases, threads: 1);

    [Fact]
    public void The_gradient_of_an_image_alone_has_the_bits_it_has_in_a_batch() => Any.Sample(c =>
    {
        using var numbers = new TestTensors(_backend);
        Exact dy = c.Numbers(c.Y.WithN(5), 10);
        float[] all = Gradient(dy, 5);
        for (int n = 0; n < 5; n++)
        {
            float[] alone = Gradient(dy.Image(n), 1);
            On.Same(all[(n * alone.Length)..((n + 1) * alone.Length)], alone, $"{c}: image {n} of 5");
        }

        float[] Gradient(Exact dy, int n)
        {
            Tensor dx = numbers.Empty(c.X.WithN(n));
            _backend.ConvolutionBackwardData(numbers.Upload(dy), numbers.Upload(c.WNumbers), c.Geometry, new(dx, Adds: false));
            return numbers.Download(dx);
        }
    }, iter: Cases, threads: 1);
}

public sealed class ConvolutionTestsOnCpu(Cpu cpu) : ConvolutionTests(cpu), IClassFixture<Cpu>;

public sealed class ConvolutionTestsOnOwnKernels() : ConvolutionTests(new EmulatedGpu(libraries: false));

[Collection(nameof(Gpu))]
public sealed class ConvolutionTestsOnCuda(Gpu gpu) : ConvolutionTests(gpu);
