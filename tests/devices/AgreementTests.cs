using CsCheck;
using Iba.Engine.Backends.Cuda;
using Iba.Statistics;
using Tests.Engine;
using Xunit;

namespace Tests.Devices;

/// <summary>
/// Compares the GPU with the CPU in all three precisions: every op, convolutions and linear layers of the networks, both networks at full size
/// with random weights, and an attribution through each. The distances are saved as <see cref="Figures"/>.
/// </summary>
[Collection(nameof(Gpu))]
public sealed class AgreementTests(Gpu gpu, Cpu cpu) : IClassFixture<Cpu>
{
    private const int Cases = 15;

    private static readonly OpCases Cheap = new(Draw.Small), Large = new(Draw.Large);

    public static TheoryData<string, Precision> Ops => new MatrixTheoryData<string, Precision>(Cheap.Names, Precisions);

    public static TheoryData<Precision> EveryPrecision => [.. Precisions];

    private static Precision[] Precisions => [Precision.Float32, Precision.TensorFloat32, Precision.BFloat16];

    /// <summary>
    /// No op here multiplies matrices, so precision does not matter. Each device may differ from the textbook by its test's tolerance, so the two may
    /// differ by twice that.
    /// </summary>
    [Theory, MemberData(nameof(Ops))]
    public void Every_op_is_the_processors(string op, Precision precision)
    {
        var agreement = new OpAgreement(cpu.Backend, gpu.At(precision));
        var worst = new Worst(op, precision, 1.2e-5);
        Cheap[op].Sample(c => worst.See(agreement.Of(c)), iter: Cases, threads: 1);
        Large[op].Sample(c => worst.See(agreement.Of(c)), iter: 2, threads: 1);
        worst.Check();
    }

    /// <summary>
    /// TF32 rounds factors by up to 2^-11, bfloat16 by up to 2^-9; errors of a sum of random products grow as the sum does, and its largest
    /// number is well above a typical one.
    /// </summary>
    [Theory, MemberData(nameof(EveryPrecision))]
    public void Convolutions_and_linear_layers_are_the_processors(Precision precision)
    {
        var agreement = new OpAgreement(cpu.Backend, gpu.At(precision));
        Worst any = new("Convolution, any", precision, Product(precision)), known = new("Convolution, of the networks", precision, Product(precision));
        Worst linear = new("Linear", precision, Product(precision));
        foreach (ConvolutionCase c in ConvolutionCase.OfNetworks)
            known.See(agreement.Of(c));
        ConvolutionCase.OfLibraries.Sample(c => any.See(agreement.Of(c)), iter: Cases, threads: 1);
        foreach ((int n, int c, int k) in ((int, int, int)[])[(10, 2048, 1000), (10, 4096, 4096), (3, 77, 19)])
            linear.See(agreement.OfLinear(n, c, k));
        any.Check();
        known.Check();
        linear.Check();
    }

    /// <summary>
    /// Roundings pass through up to 50 layers, and one that flips a ReLU moves gradients by more than itself: Euclidean there. In bfloat16 the
    /// bounds show only that it is the same network; the saved figures give the distance.
    /// </summary>
    [Theory, InlineData("resnet50"), InlineData("vgg16")]
    public void Full_size_networks_and_their_attributions_are_the_processors(string architecture)
    {
        FeatureStatistics? statistics = null;
        NetworkResults expected = NetworkResults.Of(architecture, cpu.Backend, ref statistics);
        Worst[] all = [.. Precisions.SelectMany(precision =>
        {
            NetworkResults actual = NetworkResults.Of(architecture, gpu.At(precision), ref statistics);
            Worst logits = new(architecture, precision, At(precision, 1e-4, 2e-2, 1e-1)), slopes = new(architecture, precision, At(precision, 1e-2, 0.2, 0.6));
            logits.See([("logits", Distance.Largest(expected.Logits, actual.Logits)), ("bits", Distance.Largest([expected.Bits], [actual.Bits]))]);
            slopes.See([("gradient", Distance.Euclidean(expected.Gradient, actual.Gradient)), ("map", Distance.Euclidean(expected.Map, actual.Map))]);
            return (Worst[])[logits, slopes];
        })];
        Assert.All(all, worst => worst.Check());
    }

    private static double Product(Precision precision) => At(precision, 2e-5, 2e-3, 1e-2);

    private static double At(Precision precision, double float32, double tensorFloat32, double bfloat16) =>
        precision switch { Precision.Float32 => float32, Precision.BFloat16 => bfloat16, _ => tensorFloat32 };

    /// <summary>The largest distance of each result of a subject.</summary>
    private sealed class Worst(string subject, Precision precision, double allowed)
    {
        private readonly Dictionary<string, double> _errors = [];

        public void See(IEnumerable<(string Number, double Error)> numbers)
        {
            foreach ((string number, double error) in numbers)
            {
                // NaN counts as larger than any distance.
                if (!(error <= _errors.GetValueOrDefault(number)))
                    _errors[number] = error;
                else
                    _errors.TryAdd(number, error);
            }
        }

        /// <summary>All figures are saved before the first too large one fails.</summary>
        public void Check()
        {
            foreach ((string number, double error) in _errors)
                Figures.OfTests.Add(subject, number, precision, error, allowed);
            Assert.All(_errors, each =>
                Assert.True(each.Value <= allowed, $"{subject}, {precision.Word()}: {each.Key} are off by {each.Value:G3} (allowed {allowed:G3})"));
        }
    }
}
