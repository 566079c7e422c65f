using System.Runtime.CompilerServices;
using Iba.Engine.Tensors;

namespace Iba.Engine.Backends;

/// <summary>
/// Everything a device must be able to do. Forward verbs write (=) their last argument; backward verbs add one term to the gradient that
/// their <see cref="Accumulator"/> names. <see cref="Backend"/> rejects invalid arguments before a device sees them:
/// <see cref="ShapeException"/> for shapes, <see cref="ArgumentException"/> for a missing or foreign tensor,
/// <see cref="ObjectDisposedException"/> for a disposed tensor or backend, <see cref="InvalidOperationException"/> while another thread is
/// inside. A row of a result does not depend on the number of rows: the same image gives the same bits in every batch.
/// A verb allocates nothing once it has run for a shape.
/// Infinities and NaN propagate as in PyTorch: a result that depends on one is not finite, unless a comparison (max, clamp, the gate of
/// a ReLU) decides otherwise. A convolution may turn an infinity, and elements next to it, into NaN: see the backends' README files.
/// </summary>
public interface IBackend : IDisposable
{
    /// <summary>A readable name of the device.</summary>
    string Name { get; }

    /// <summary>
    /// The element type that activations and their gradients may have: verbs whose summary says so take tensors of this type besides float32.
    /// Every other tensor is float32.
    /// </summary>
    Element Activations => Element.Float32;

    /// <summary>
    /// Whether a 1x1 convolution with a stride is better recorded as <see cref="Subsample"/> and a convolution without: it then moves fewer bytes, and
    /// its gradient can take the earlier terms along.
    /// </summary>
    bool PrefersSubsampling => false;

    // ---- memory ----

    /// <summary>Allocates a tensor of that shape, filled with zeros, 64-byte aligned.</summary>
    /// <exception cref="DeviceMemoryException">The device is out of memory.</exception>
    Tensor Allocate(Shape shape);

    /// <summary>Copies host to device, exactly as many elements as the tensor has.</summary>
    void Upload(ReadOnlySpan<float> from, Tensor to);

    /// <summary>Copies device to host, exactly as many elements as the tensor has, and waits for completion. Takes activations.</summary>
    void Download(Tensor from, Span<float> to);

    /// <summary>x = value everywhere.</summary>
    void Fill(Tensor x, float value);

    /// <summary>to = from; equal element counts.</summary>
    void Copy(Tensor from, Tensor to);

    // ---- time ----

    /// <summary>
    /// Keeps other threads out until the result is disposed. For calls that belong together: another thread could otherwise overwrite their
    /// tensors between them unnoticed. A single call does this by itself.
    /// </summary>
    /// <param name="what">The operation's name, for the exception.</param>
    /// <exception cref="InvalidOperationException">Another thread is inside.</exception>
    Backend.Call Enter([CallerMemberName] string what = "") => default;

    /// <summary>Prepares verbs to be run repeatedly on the same memory. They must not allocate, upload or download.</summary>
    IReplay Replay(Action verbs) => new PlainReplay(verbs);

    // ---- elementwise ----

    /// <summary>
    /// y = x in the other element type, where channels past those of x are 0, and those past y's are dropped; y += x if <paramref name="adds"/>.
    /// One of both is float32, the other takes activations.
    /// </summary>
    void Convert(Tensor x, Tensor y, bool adds = false) => throw new NotSupportedException($"{Name} has no other element type than float32.");

    /// <summary>y = f(x). y may be x. Takes activations where f is ReLU.</summary>
    void Map<F>(F f, Tensor x, Tensor y) where F : struct, IUnary;

    /// <summary>dx += dy f'(x).</summary>
    void MapBackward<F>(F f, Tensor x, Tensor y, Tensor dy, Accumulator dx) where F : struct, IUnary;

    /// <summary>y = a + b.</summary>
    void Add(Tensor a, Tensor b, Tensor y);

    /// <summary>y = a b.</summary>
    void Multiply(Tensor a, Tensor b, Tensor y);

    /// <summary>dx += dy other.</summary>
    void MultiplyBackward(Tensor dy, Tensor other, Accumulator dx);

    /// <summary>
    /// y = a / s(b), where s(b) = b + ε sign(b) and s(0) = 1 + ε, so the quotient is finite also where b = 0. y may be a or b.
    /// </summary>
    void Ratio(Tensor a, Tensor b, float epsilon, Tensor y);

    /// <summary>dx += dy: the derivative of a sum. Takes activations.</summary>
    void Accumulate(Tensor dy, Accumulator dx);

    /// <summary>dy = 0 where y is at most 0: the gradient of ReLU, in place. Where y is NaN, dy is unchanged. Takes activations.</summary>
    void Gate(Tensor y, Tensor dy);

    // ---- reduction ----

    /// <summary>y[i] = factor x the sum of the i-th of y.Count equal runs of x, accumulated in double.</summary>
    void Sum(Tensor x, float factor, Tensor y);

    /// <summary>dx += factor x dy[i] over the i-th run.</summary>
    void SumBackward(Tensor dy, float factor, Accumulator dx);

    // ---- linear ----

    /// <summary>
    /// y (N, K) = x (N, ...) wᵀ (K, C) + bias (K), then ReLU if <paramref name="relu"/>. A row of x has C elements, whatever its shape.
    /// </summary>
    void Linear(Tensor x, Tensor w, Tensor? bias, bool relu, Tensor y);

    /// <summary>dx += dy w. Supports the gate.</summary>
    void LinearBackwardData(Tensor dy, Tensor w, Accumulator dx);

    /// <summary>dw += dyᵀ x.</summary>
    void LinearBackwardWeights(Tensor x, Tensor dy, Accumulator dw);

    /// <summary>db (K) += dy summed over all axes but the last: for linear layers and convolutions.</summary>
    void BiasBackward(Tensor dy, Accumulator db);

    // ---- convolution ----

    /// <summary>
    /// y (N, P, Q, K) = x (N, H, W, C) * w (K, R, S, C) (cross-correlation) + bias (K) + residual (y's shape), then ReLU if
    /// <paramref name="relu"/>. x, residual and y take activations; x may then have 8 channels where w has fewer.
    /// </summary>
    void Convolution(Tensor x, Tensor w, Tensor? bias, Tensor? residual, bool relu, ConvGeometry geometry, Tensor y);

    /// <summary>dx += the transposed convolution of dy. Supports the gate. dy, dx and gate take activations.</summary>
    void ConvolutionBackwardData(Tensor dy, Tensor w, ConvGeometry geometry, Accumulator dx);

    /// <summary>dw += the correlation of x with dy.</summary>
    void ConvolutionBackwardWeights(Tensor x, Tensor dy, ConvGeometry geometry, Accumulator dw);

    // ---- pooling ----

    /// <summary>y = the maximum of each window, NaN if it contains one. Padding is never the maximum. Takes activations.</summary>
    void MaxPool(Tensor x, ConvGeometry geometry, Tensor y);

    /// <summary>dx += dy at the first maximum of each window in row-major order, or at the last NaN. Takes activations.</summary>
    void MaxPoolBackward(Tensor x, Tensor y, Tensor dy, ConvGeometry geometry, Accumulator dx);

    /// <summary>Bin k of an axis is the mean over floor(k h / H) to ceil((k + 1) h / H). y may be smaller or larger than x. x takes activations.</summary>
    void AdaptiveAveragePool(Tensor x, Tensor y);

    /// <summary>dx += each dy spread evenly over its bin. Supports the gate. dx and gate take activations.</summary>
    void AdaptiveAveragePoolBackward(Tensor dy, Accumulator dx);

    /// <summary>y[p, q] = x[p stride, q stride]. Takes activations.</summary>
    void Subsample(Tensor x, int stride, Tensor y);

    /// <summary>
    /// dx += dy at every stride-th pixel. Supports the gate; where dx has a term already, at these pixels alone. Takes activations.
    /// </summary>
    void SubsampleBackward(Tensor dy, int stride, Accumulator dx);

    // ---- windows of images: only where ComputesWindows says so ----

    /// <summary>
    /// Whether convolutions and poolings of a window have the bits that they have in the whole image, where no pixel beyond the window's cut is read.
    /// </summary>
    bool ComputesWindows => false;

    /// <summary>
    /// Side of the squares of output pixels, counted from the image's corner, that the convolution of whole images x computes together: by its rounding,
    /// an output depends on all input pixels of its square, besides those under its kernel. 1 if each output is computed by itself. More than 1 only
    /// where output and input have the same size. A window then begins at a square's corner, and has the pixels around it (zeros beyond the image)
    /// in place of padding: <see cref="ConvGeometry.Tile"/>.
    /// </summary>
    int Tile(Shape x, Shape w, ConvGeometry geometry) => throw NoWindows;

    /// <summary>
    /// y (N, P, Q, C) = one window each of an image, whole (1, H, W, C), with a part of the windows (N or 1, h, w, C) in place of its own. 0 beyond the
    /// image.
    /// </summary>
    void Inlay(Tensor whole, Tensor windows, ReadOnlySpan<InlayPlace> places, Tensor y) => throw NoWindows;

    private NotSupportedException NoWindows => new($"{Name} has no such verb: ask ComputesWindows first.");

    // ---- resampling ----

    /// <summary>y = x resized bilinearly to y's extents, without antialiasing.</summary>
    void Resize(Tensor x, Corners corners, Tensor y);

    /// <summary>dx += the adjoint of <see cref="Resize"/>.</summary>
    void ResizeBackward(Tensor dy, Corners corners, Accumulator dx);

    /// <summary>
    /// y = x convolved along H and W, per channel, with symmetric taps (odd count). The border is mirrored about the edge pixel's centre.
    /// </summary>
    void Blur(Tensor x, Tensor taps, Tensor y);

    /// <summary>dx += the adjoint of <see cref="Blur"/>, which differs from it at the border.</summary>
    void BlurBackward(Tensor dy, Tensor taps, Accumulator dx);

    // ---- loss ----

    /// <summary>y[n] = -log softmax(logits[n])[targets[n]] in nats; targets (N) are class indices stored as floats.</summary>
    void CrossEntropy(Tensor logits, Tensor targets, Tensor y);

    /// <summary>dlogits[n] += dy[n] (softmax(logits[n]) - onehot(targets[n])).</summary>
    void CrossEntropyBackward(Tensor logits, Tensor targets, Tensor dy, Accumulator dlogits);

    // ---- bottleneck: x, λ (I, H, W, C); mean, std, active (1, H, W, C); z (I x copies, H, W, C), the copies of an image adjacent ----

    /// <summary>y = (x - mean) / std.</summary>
    void Standardise(Tensor x, Tensor mean, Tensor std, Tensor y);

    /// <summary>z = active (λ x + (1 - λ)(mean + std ε)), then max(z, 0) where <paramref name="clamp"/>. z takes activations.</summary>
    void Restrict(Tensor x, Tensor λ, Tensor mean, Tensor std, Tensor active, Noise noise, bool clamp, Tensor z);

    /// <summary>dλ += the sum over an image's copies of active dz (x - mean - std ε), 0 where clamped (z at most 0). z and dz take activations.</summary>
    void RestrictBackward(Tensor x, Tensor mean, Tensor std, Tensor active, Noise noise, bool clamp, Tensor z, Tensor dz, Accumulator dλ);

    /// <summary>
    /// y = active/2 ((λ r)² + (1 - λ)² - ln (1 - λ)² - 1) in nats, r being the standardised features. The lower bound of 1 - λ is 2^-24, so
    /// y is finite at λ = 1.
    /// </summary>
    void Information(Tensor r, Tensor λ, Tensor active, Tensor y);

    /// <summary>dλ += dy active λ (r² + (2 - λ) / (1 - λ)), which is λ r² - (1 - λ) + 1 / (1 - λ) without its cancellation.</summary>
    void InformationBackward(Tensor r, Tensor λ, Tensor active, Tensor dy, Accumulator dλ);

    /// <summary>Whether <see cref="Turn"/> is there for masks (I, H, W, C) and that number of taps.</summary>
    bool Turns(Shape λ, int taps) => false;

    /// <summary>
    /// The end of one step of the bottleneck's loop and the beginning of the next, in one pass and with the bits of the verbs that it replaces (but for
    /// the order in which information is summed): dλ from dz and from the information, Adam's step on α, λ = the blur of sigmoid(α), z with the next
    /// step's noise, and the mean information of each image. Advance the step count afterwards. z and dz take activations.
    /// </summary>
    void Turn(MaskTurn turn) => throw new NotSupportedException($"{Name} has no such verb: ask Turns first.");

    // ---- noise ----

    /// <summary>y = x + scale ε, x and y (I x copies, H, W, C) or x (I, H, W, C) repeated for every copy.</summary>
    void AddNoise(Tensor x, Noise noise, float scale, Tensor y);

    // ---- optimizer ----

    /// <summary>One step of Adam: p, m and v are updated from dp; step (1) counts the steps done before.</summary>
    void Adam(Tensor p, Tensor dp, Tensor m, Tensor v, Tensor step, AdamSettings settings);

    /// <summary>One step of gradient descent: velocity = momentum velocity + dp + decay p, then p -= rate velocity.</summary>
    void SgdMomentum(Tensor p, Tensor dp, Tensor velocity, SgdSettings settings);

    /// <summary>Row step of history (steps, ...) = x.</summary>
    void Append(Tensor x, Tensor step, Tensor history);

    /// <summary>step += 1, on the device.</summary>
    void Advance(Tensor step);
}
