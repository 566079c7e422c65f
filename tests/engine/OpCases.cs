using CsCheck;
using Engine.Backends;
using Engine.Ops;
using Engine.Tensors;
using Tests.Textbook;

namespace Tests.Engine;

/// <summary>Every op of engine/ops but the matrix products, with its textbook version and random inputs.</summary>
public static class OpCases
{
    private const ulong Seed = 0x0123456789ABCDEF;

    private static readonly Dictionary<string, Gen<OpCase>> Cases = new()
    {
        ["Add"] = Pairs((x, y) => new OpCase([x, y], 2, v => v[0] + v[1], e => ElementwiseTextbook.Add(e[0], e[1]))),
        ["Add to itself"] = Single(-2, 2, x => new OpCase([x], 1, v => v[0] + v[0], e => ElementwiseTextbook.Add(e[0], e[0]))),
        ["Multiply"] = Pairs((x, y) => new OpCase([x, y], 2, v => v[0] * v[1], e => ElementwiseTextbook.Multiply(e[0], e[1]))),
        ["Multiply by itself"] = Single(-2, 2, x => new OpCase([x], 1, v => v[0] * v[0], e => ElementwiseTextbook.Multiply(e[0], e[0]))),
        ["Multiply by a constant"] = Pairs((x, y) => new OpCase([x, y], 1, v => v[0] * v[1], e => ElementwiseTextbook.Multiply(e[0], e[1]))),
        ["Scale"] = Single(-2, 2, x => new OpCase([x], 1, v => v[0] * -1.75f, e => ElementwiseTextbook.Scale(e[0], -1.75))),
        ["Sigmoid"] = Single(-9, 9, x => new OpCase([x], 1, v => v[0].Sigmoid(), e => ElementwiseTextbook.Sigmoid(e[0]))),
        ["Log"] = Single(0.01f, 9, x => new OpCase([x], 1, v => v[0].Log(), e => ElementwiseTextbook.Log(e[0]))),
        ["Relu"] = Draw.Images().SelectMany(s => Draw.Smooth(s, -2, 2, 0))
            .Select(x => new OpCase([x], 1, v => v[0].Relu(), e => ElementwiseTextbook.Relu(e[0]))),
        ["Clamp"] = Draw.Images().SelectMany(s => Draw.Smooth(s, -2, 2, -0.5f, 1.25f))
            .Select(x => new OpCase([x], 1, v => v[0].Clamp(-0.5f, 1.25f), e => ElementwiseTextbook.Clamp(e[0], -0.5, 1.25))),
        ["Sum"] = Single(-2, 2, x => new OpCase([x], 1, v => v[0].Sum(), e => ReductionTextbook.Sum(e[0], 1, 1))),
        ["MeanRows"] = Single(-2, 2, x => new OpCase([x], 1, v => v[0].MeanRows(), e => ReductionTextbook.Sum(e[0], e[0].Shape.N, 1.0 / e[0].Shape.Row))),
        ["MeanRuns"] = Gen.Select(Draw.Images(), Gen.Int[1, 4]).SelectMany((s, copies) => Draw.Numbers(s.WithN(s.N * copies), -2, 2).Select(x =>
            new OpCase([x], 1, v => v[0].MeanRuns(s.N), e => ReductionTextbook.Sum(e[0], s.N, 1.0 / (copies * s.Row))))),
        ["MaxPool"] = Gen.Select(Gen.Int[1, 4], Gen.Int[1, 3], Gen.Int[0, 2]).SelectMany((kernel, stride, padding) =>
        {
            var geometry = new ConvGeometry(kernel, stride, Math.Min(padding, kernel / 2));
            return Draw.Images(kernel).SelectMany(Draw.Distinct)
                .Select(x => new OpCase([x], 1, v => v[0].MaxPool(geometry), e => PoolingTextbook.MaxPool(e[0], geometry)));
        }),
        ["AdaptiveAveragePool"] = Sized((x, h, w) =>
            new OpCase([x], 1, v => v[0].AdaptiveAveragePool(h, w), e => PoolingTextbook.AdaptiveAveragePool(e[0], h, w))),
        ["Resize, half-pixel corners"] = Sized((x, h, w) =>
            new OpCase([x], 1, v => v[0].Resize(h, w, Corners.HalfPixel), e => ResamplingTextbook.Resize(e[0], h, w, Corners.HalfPixel))),
        ["Resize, aligned corners"] = Sized((x, h, w) =>
            new OpCase([x], 1, v => v[0].Resize(h, w, Corners.Aligned), e => ResamplingTextbook.Resize(e[0], h, w, Corners.Aligned))),
        ["Blur"] = Gen.Int[0, 2].SelectMany(radius => Draw.Images(radius + 1).SelectMany(s =>
            Gen.Select(Draw.Numbers(s, -2, 2), Draw.Numbers(new Shape(radius + 1), 0.1f, 1)).Select((x, half) =>
            {
                var taps = new Exact(new Shape(2 * radius + 1), [.. Enumerable.Range(-radius, 2 * radius + 1).Select(i => half[Math.Abs(i)])]);
                return new OpCase([x, taps], 1, v => v[0].Blur(v[1]), e => ResamplingTextbook.Blur(e[0], e[1]));
            }))),
        ["Concatenate"] = Draw.Images().SelectMany(s => Gen.Int[1, 20].SelectMany(more =>
            Gen.Select(Draw.Numbers(s, -2, 2), Draw.Numbers(new Shape(s.N, s.H, s.W, more), -2, 2)).Select((x, y) =>
            new OpCase([x, y], 2, v => v[0].Concatenate(v[1]), e => ResamplingTextbook.Concatenate(e[0], e[1]))))),
        ["CrossEntropy"] = Draw.Rows.SelectMany(s => Gen.Select(Draw.Numbers(s, -5, 5), Gen.Int[0, s.C - 1].Array[s.N]).Select((x, targets) =>
            new OpCase([x, new Exact(new Shape(s.N), [.. targets.Select(t => (float)t)])], 1,
                v => v[0].CrossEntropy(v[1]), e => ReductionTextbook.CrossEntropy(e[0], e[1])))),
        ["Information"] = Draw.Images().SelectMany(s =>
            Gen.Select(Draw.Numbers(s, 0.01f, 0.99f), Draw.Numbers(s, -3, 3), Draw.Flags(s.WithN(1))).Select((λ, r, active) =>
            new OpCase([λ, r, active], 1, v => v[1].Information(v[0], v[2]), e => BottleneckTextbook.Information(e[1], e[0], e[2])))),
        ["Restrict"] = Bottlenecks(clamp: false, recorded: false),
        ["Restrict, clamped"] = Bottlenecks(clamp: true, recorded: false),
        ["Restrict, recorded noise"] = Bottlenecks(clamp: true, recorded: true),
    };

    /// <summary>The names of all cases.</summary>
    public static IEnumerable<string> Names => Cases.Keys;

    public static Gen<OpCase> Named(string name) => Cases[name];

    private static Gen<OpCase> Single(float low, float high, Func<Exact, OpCase> op) =>
        Draw.Images().SelectMany(s => Draw.Numbers(s, low, high)).Select(op);

    private static Gen<OpCase> Pairs(Func<Exact, Exact, OpCase> op) =>
        Draw.Images().SelectMany(s => Gen.Select(Draw.Numbers(s, -2, 2), Draw.Numbers(s, -2, 2)).Select(op));

    private static Gen<OpCase> Sized(Func<Exact, int, int, OpCase> op) =>
        Gen.Select(Draw.Images().SelectMany(s => Draw.Numbers(s, -2, 2)), Gen.Int[1, 9], Gen.Int[1, 9]).Select(op);

    /// <summary>λ first, since it alone wants a gradient. A neuron with a copy near the kink of the clamp is made inactive.</summary>
    private static Gen<OpCase> Bottlenecks(bool clamp, bool recorded) =>
        Gen.Select(Draw.Images(), Gen.Int[1, 3], Gen.Int[0, 9]).SelectMany((s, copies, step) =>
            Gen.Select(
                Draw.Numbers(s, 0, 1), Draw.Numbers(s, -3, 3), Draw.Numbers(s.WithN(1), -1, 1), Draw.Numbers(s.WithN(1), 0.1f, 2), Draw.Flags(s.WithN(1)),
                Draw.Numbers(s.WithN(s.N * copies), -2, 2)).Select((λ, x, mean, std, active, noise) =>
            {
                float[] images = [.. Enumerable.Range(0, s.N).Select(i => 100f * i + 7)];
                Exact ε = recorded ? noise : NoiseTextbook.Normals(Seed, s, [.. images.Select(word => (uint)word)], copies, (uint)step);
                Exact z = BottleneckTextbook.Restrict(x, λ, mean, std, active, ε, clamp: false);
                active = active.Like(i => Enumerable.Range(0, z.Shape.N).Any(sample => Math.Abs(z[sample * s.Row + i]) < 0.01) ? 0 : active[i]);
                Exact[] inputs = [λ, x, mean, std, active, new(new Shape(s.N), images), new(new Shape(1), [(float)step]), noise];
                return new OpCase(
                    inputs, 1,
                    v => v[1].Restrict(v[0], (v[2], v[3], v[4]), v[5], v[6], new Restrict(copies, Seed, clamp, false), recorded ? v[7] : null),
                    e => BottleneckTextbook.Restrict(e[1], e[0], e[2], e[3], e[4], ε, clamp));
            }));
}
