using Iba.Engine.Networks;

namespace Iba.Weights;

/// <summary>How photos are prepared when the publishers of weights evaluate them: resize, centre crop, normalise.</summary>
/// <param name="Resize">The shorter side after resizing, pixels.</param>
/// <param name="Crop">The side of the square centre crop, pixels.</param>
/// <param name="Interpolation">The interpolation; this program supports Pillow's <c>bilinear</c>.</param>
/// <param name="Mean">Subtracted from red, green and blue in 0 to 1.</param>
/// <param name="Std">Divisor of the differences.</param>
public sealed record InputTransform(int Resize, int Crop, string Interpolation, IReadOnlyList<float> Mean, IReadOnlyList<float> Std)
{
    /// <summary>torchvision's evaluation of most networks on ImageNet; the demo networks were trained for it, too.</summary>
    public static InputTransform ImageNet { get; } = new(256, 224, "bilinear", [0.485f, 0.456f, 0.406f], [0.229f, 0.224f, 0.225f]);
}

/// <summary>A published weights file.</summary>
/// <param name="Name">The name on the command line.</param>
/// <param name="Architecture">The network it belongs to, as <see cref="Network.Name"/>.</param>
/// <param name="Description">Its origin, for people.</param>
/// <param name="Source">Its address.</param>
/// <param name="Bytes">Its size in bytes; null if unknown: the server then says it.</param>
/// <param name="Sha256">Its SHA-256 in lower-case hexadecimal digits: all 64 if known, else the first eight, which the file's name gives.</param>
public sealed record PublishedWeights(string Name, string Architecture, string Description, Uri Source, long? Bytes, string Sha256)
{
    /// <summary>How its publishers prepare photos.</summary>
    public InputTransform Input { get; init; } = InputTransform.ImageNet;

    /// <summary>Whether a file with that SHA-256 is this one, as far as its digits are known.</summary>
    /// <param name="sha256">64 lower-case hexadecimal digits.</param>
    public bool Is(string sha256) => sha256.StartsWith(Sha256, StringComparison.Ordinal);

    /// <summary>The file's name as published.</summary>
    public string FileName => Path.GetFileName(Source.LocalPath);
}

/// <summary>torchvision's files for the networks of this program.</summary>
public static class Catalogue
{
    /// <summary>All of them; the first of each architecture is torchvision's first.</summary>
    public static IReadOnlyList<PublishedWeights> Entries { get; } =
    [
        Torchvision("resnet50", ResNet.ResNet50.Name, "ResNet50_Weights.IMAGENET1K_V1, 76.1 % top-1", "resnet50-0676ba61.pth",
            102_530_333, "0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a"),
        Torchvision("resnet50-v2", ResNet.ResNet50.Name, "ResNet50_Weights.IMAGENET1K_V2, 80.9 % top-1", "resnet50-11ad3fa6.pth",
            102_540_417, "11ad3fa62ca79e40addfd354a8ec4b7c75143b3038b8d2a807fbc68deab379ca") with { Input = Second },
        Torchvision("vgg16", Vgg.Vgg16.Name, "VGG16_Weights.IMAGENET1K_V1, 71.6 % top-1", "vgg16-397923af.pth",
            553_433_881, "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0"),
        Torchvision("resnet18", "resnet18", "ResNet18_Weights.IMAGENET1K_V1, 69.8 % top-1", "resnet18-f37072fd.pth"),
        Torchvision("resnet34", "resnet34", "ResNet34_Weights.IMAGENET1K_V1, 73.3 % top-1", "resnet34-b627a593.pth"),
        Torchvision("resnet101", "resnet101", "ResNet101_Weights.IMAGENET1K_V1, 77.4 % top-1", "resnet101-63fe2227.pth"),
        Torchvision("resnet101-v2", "resnet101", "ResNet101_Weights.IMAGENET1K_V2, 81.9 % top-1", "resnet101-cd907fc2.pth") with { Input = Second },
        Torchvision("resnet152", "resnet152", "ResNet152_Weights.IMAGENET1K_V1, 78.3 % top-1", "resnet152-394f9c45.pth"),
        Torchvision("resnet152-v2", "resnet152", "ResNet152_Weights.IMAGENET1K_V2, 82.3 % top-1", "resnet152-f82ba261.pth") with { Input = Second },
        Torchvision("wide_resnet50_2", "wide_resnet50_2", "Wide_ResNet50_2_Weights.IMAGENET1K_V1, 78.5 % top-1", "wide_resnet50_2-95faca4d.pth"),
        Torchvision("wide_resnet50_2-v2", "wide_resnet50_2", "Wide_ResNet50_2_Weights.IMAGENET1K_V2, 81.6 % top-1", "wide_resnet50_2-9ba9bcbe.pth")
            with { Input = Second },
        Torchvision("wide_resnet101_2", "wide_resnet101_2", "Wide_ResNet101_2_Weights.IMAGENET1K_V1, 78.8 % top-1", "wide_resnet101_2-32ee1156.pth"),
        Torchvision("wide_resnet101_2-v2", "wide_resnet101_2", "Wide_ResNet101_2_Weights.IMAGENET1K_V2, 82.5 % top-1", "wide_resnet101_2-d733dc28.pth")
            with { Input = Second },
        Torchvision("vgg11", "vgg11", "VGG11_Weights.IMAGENET1K_V1, 69.0 % top-1", "vgg11-8a719046.pth"),
        Torchvision("vgg11_bn", "vgg11_bn", "VGG11_BN_Weights.IMAGENET1K_V1, 70.4 % top-1", "vgg11_bn-6002323d.pth"),
        Torchvision("vgg13", "vgg13", "VGG13_Weights.IMAGENET1K_V1, 69.9 % top-1", "vgg13-19584684.pth"),
        Torchvision("vgg13_bn", "vgg13_bn", "VGG13_BN_Weights.IMAGENET1K_V1, 71.6 % top-1", "vgg13_bn-abd245e5.pth"),
        Torchvision("vgg16_bn", "vgg16_bn", "VGG16_BN_Weights.IMAGENET1K_V1, 73.4 % top-1", "vgg16_bn-6c64b313.pth"),
        Torchvision("vgg19", "vgg19", "VGG19_Weights.IMAGENET1K_V1, 72.4 % top-1", "vgg19-dcbb9e9d.pth"),
        Torchvision("vgg19_bn", "vgg19_bn", "VGG19_BN_Weights.IMAGENET1K_V1, 74.2 % top-1", "vgg19_bn-c79401a0.pth"),
    ];

    /// <summary>How torchvision prepares photos for its second generation of weights.</summary>
    private static InputTransform Second => InputTransform.ImageNet with { Resize = 232 };

    /// <summary>The entry with that name or file name, or null.</summary>
    public static PublishedWeights? Find(string name) => Entries.FirstOrDefault(entry => name == entry.Name || name == entry.FileName);

    /// <summary>The entry whose file has that SHA-256, or null.</summary>
    public static PublishedWeights? WithSha256(string sha256) => Entries.FirstOrDefault(entry => entry.Is(sha256));

    /// <summary>
    /// The entry that a file contains, original or converted: by its SHA-256, by that of the file it was converted from, or by its name.
    /// </summary>
    /// <param name="weights">The file.</param>
    /// <param name="sha256">Its SHA-256.</param>
    public static PublishedWeights? Of(StateDict weights, string sha256) =>
        WithSha256(sha256) ?? WithSha256(weights.Metadata.GetValueOrDefault(Conversion.SourceSha256Key, ""))
        ?? Entries.FirstOrDefault(entry => Path.GetFileNameWithoutExtension(weights.Path) == Path.GetFileNameWithoutExtension(entry.FileName));

    private static PublishedWeights Torchvision(
        string name, string architecture, string description, string file, long? bytes = null, string? sha256 = null) =>
        new(name, architecture, description, new Uri($"https://download.pytorch.org/models/{file}"), bytes, sha256 ?? file[^12..^4]);
}
