using Engine.Networks;

namespace Weights;

/// <summary>A weights file that its makers publish.</summary>
/// <param name="Name">What to call it on a command line.</param>
/// <param name="Architecture">The network it belongs to, as <see cref="Network.Name"/>.</param>
/// <param name="Description">Where it comes from, for people.</param>
/// <param name="Source">Where it lies.</param>
/// <param name="Bytes">Its size.</param>
/// <param name="Sha256">Its SHA-256, 64 lower-case hexadecimal digits; the first eight are in the file's name.</param>
public sealed record PublishedWeights(string Name, string Architecture, string Description, Uri Source, long Bytes, string Sha256)
{
    /// <summary>The file's name as published.</summary>
    public string FileName => Path.GetFileName(Source.LocalPath);
}

/// <summary>The files of torchvision that this program's networks take.</summary>
public static class Catalogue
{
    /// <summary>All of them; the first of each architecture is the one that the paper used.</summary>
    public static IReadOnlyList<PublishedWeights> Entries { get; } =
    [
        Torchvision("resnet50", ResNet.ResNet50.Name, "ResNet50_Weights.IMAGENET1K_V1, 76.1 % top-1", "resnet50-0676ba61.pth",
            102_530_333, "0676ba61b6795bbe1773cffd859882e5e297624d384b6993f7c9e683e722fb8a"),
        Torchvision("resnet50-v2", ResNet.ResNet50.Name, "ResNet50_Weights.IMAGENET1K_V2, 80.9 % top-1", "resnet50-11ad3fa6.pth",
            102_540_417, "11ad3fa62ca79e40addfd354a8ec4b7c75143b3038b8d2a807fbc68deab379ca"),
        Torchvision("vgg16", Vgg.Vgg16.Name, "VGG16_Weights.IMAGENET1K_V1, 71.6 % top-1", "vgg16-397923af.pth",
            553_433_881, "397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0"),
    ];

    /// <summary>The entry of that name or file name, or null.</summary>
    public static PublishedWeights? Find(string name) => Entries.FirstOrDefault(entry => name == entry.Name || name == entry.FileName);

    /// <summary>The entry whose file has that SHA-256, or null.</summary>
    public static PublishedWeights? WithSha256(string sha256) => Entries.FirstOrDefault(entry => sha256 == entry.Sha256);

    private static PublishedWeights Torchvision(
        string name, string architecture, string description, string file, long bytes, string sha256) =>
        new(name, architecture, description, new Uri($"https://download.pytorch.org/models/{file}"), bytes, sha256);
}
