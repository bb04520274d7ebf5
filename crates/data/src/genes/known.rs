//! Enough well-known human symbols to tell a list of genes from a list of cell lines or barcodes.

/// Oncogenes, tumour suppressors, housekeeping and marker genes; sorted.
#[rustfmt::skip]
pub(super) const COMMON: &[&str] = &[
    "ABL1", "ACTB", "ACTG1", "AKT1", "AKT2", "ALB", "ALDOA", "ALK", "ANXA1", "ANXA2", "APC", "APOE", "AR",
    "ARAF", "ATF3", "ATF4", "ATM", "ATR", "AURKA", "AURKB", "AXL", "B2M", "BAD", "BAK1", "BAX", "BCL2",
    "BCL2L1", "BCL6", "BIRC5", "BMP4", "BRAF", "BRCA1", "BRCA2", "BTK", "CALM1", "CALR", "CASP3", "CASP8",
    "CASP9", "CAV1", "CBL", "CCL2", "CCL5", "CCNA2", "CCNB1", "CCND1", "CCNE1", "CDC20", "CDH1", "CDH2",
    "CDKN1A", "CDKN1B", "CDKN2A", "CEBPA", "CEBPB", "CFLAR", "CHEK1", "CHEK2", "CLDN1", "CREB1", "CREBBP",
    "CSF1", "CSF1R", "CTNNB1", "CTSB", "CTSD", "CXCL10", "CXCL8", "CXCR4", "CYCS", "DDIT3", "DNMT1",
    "DNMT3A", "DUSP1", "DUSP6", "E2F1", "EEF1A1", "EEF2", "EGFR", "EGR1", "EIF4E", "ENO1", "EP300", "EPCAM",
    "ERBB2", "ERBB3", "ESR1", "EZH2", "FAS", "FGFR1", "FGFR2", "FGFR3", "FLT3", "FN1", "FOS", "FOSL1",
    "FOXM1", "FOXO1", "FOXO3", "FTH1", "FTL", "GADD45A", "GAPDH", "GATA1", "GATA2", "GATA3", "GLI1", "GNAS",
    "GRB2", "GSK3B", "GUSB", "H19", "HDAC1", "HDAC2", "HES1", "HGF", "HIF1A", "HMGA1", "HMGB1", "HMOX1",
    "HPRT1", "HRAS", "HSP90AA1", "HSP90AB1", "HSPA1A", "HSPA5", "HSPA8", "HSPB1", "ICAM1", "ID1", "ID2",
    "ID3", "IDH1", "IDH2", "IFNG", "IGF1", "IGF1R", "IKBKB", "INSR", "IRF1", "IRF7", "IRS1", "ISG15",
    "ITGA5", "ITGB1", "JAK1", "JAK2", "JAK3", "JUN", "JUNB", "JUND", "KDR", "KIT", "KLF4", "KLF6", "KRAS",
    "LAMP1", "LCK", "LDHA", "LDLR", "LGALS1", "LGALS3", "LMNA", "LYN", "LYZ", "MALAT1", "MAP2K1", "MAP2K2",
    "MCL1", "MCM2", "MDM2", "MDM4", "MET", "MITF", "MKI67", "MLH1", "MMP2", "MMP9", "MSH2", "MTOR", "MX1",
    "MYB", "MYC", "MYCN", "NCL", "NEAT1", "NF1", "NF2", "NFE2L2", "NFKB1", "NFKBIA", "NME1", "NOTCH1",
    "NPM1", "NQO1", "NRAS", "NRP1", "ODC1", "PARP1", "PCNA", "PDGFRA", "PDGFRB", "PDK1", "PGK1", "PIK3CA",
    "PIK3R1", "PKM", "PLK1", "PPARG", "PPIA", "PRKCA", "PTEN", "PTGS2", "PTK2", "PTPN11", "PTPRC", "RAC1",
    "RAF1", "RB1", "RELA", "RET", "RHOA", "ROS1", "RUNX1", "S100A4", "S100A6", "SERPINE1", "SHC1", "SLPI",
    "SMAD2", "SMAD3", "SMAD4", "SNAI1", "SNAI2", "SOD1", "SOD2", "SOX10", "SOX2", "SOX9", "SPARC", "SQSTM1",
    "SRC", "STAT1", "STAT3", "STAT5A", "STK11", "STMN1", "SYK", "TAGLN", "TBP", "TERT", "TFRC", "TGFB1",
    "TGFBI", "TGFBR2", "THBS1", "TIMP1", "TNF", "TOP2A", "TP53", "TP63", "TP73", "TUBA1A", "TUBA1B", "TUBB",
    "TWIST1", "TXN", "TYMS", "TYR", "UBC", "UBE2C", "VCAM1", "VEGFA", "VHL", "VIM", "WNT5A", "WT1", "XBP1",
    "XIST", "XRCC1", "YAP1", "YBX1", "YWHAZ", "ZEB1", "ZEB2",
];

/// Numbered gene families; `#` stands for digits. Letter-and-number families whose pattern also fits names of cell
/// lines or wells (`A375`, `H1975`, `C10`) are left out on purpose.
#[rustfmt::skip]
pub(super) const FAMILIES: &[&str] = &[
    "ZNF#", "SLC#A#", "RPL#", "RPS#", "RPL#A", "RPS#A", "MRPL#", "MRPS#", "KRT#", "COL#A#", "TMEM#",
    "CCDC#", "C#orf#", "LINC#", "CDK#", "MAPK#", "MAP#K#", "MAP#K#L#", "IL#R", "IL#RA", "IL#RB",
    "CXCL#", "CXCR#", "CCL#", "CCR#", "TNFSF#", "TNFRSF#", "FGF#", "FGFR#", "WNT#", "SOX#", 
    "HOXA#", "HOXB#", "HOXC#", "HOXD#", "ITGA#", "ITGB#", "PSMA#", "PSMB#", "PSMC#", "PSMD#", "EIF#A#",
    "NDUFA#", "NDUFB#", "NDUFS#", "COX#A#", "ATP#A#", "ATP#B#", "ABCA#", "ABCB#", "ABCC#", "ABCG#", "ADAM#",
    "ADAMTS#", "CYP#A#", "CYP#B#", "KIF#", "KLHL#", "LRRC#", "MYO#", "OR#A#", "PCDHB#", "RAB#", "RAB#A",
    "RAB#B", "RAP#A", "RBM#", "RNF#", "TRIM#", "TTC#", "UBE#A", "USP#", "WDR#", "ZBTB#", "DDX#", "DHX#",
    "DNAJB#", "DNAJC#", "FBXO#", "FBXL#", "GPR#", "GPR#A", "HSPA#", "HSPB#", "HDAC#", "KDM#A", "KDM#B",
    "MCM#", "NUP#", "PAX#", "PDE#A", "PDE#B", "PLEKHA#", "POLR#A", "POLR#B", "PPP#CA", "PPP#R#A",
    "SERPINB#", "SMAD#", "SMARCA#", "SNX#", "STAT#", "TUBB#A", "TUBB#B", "VPS#", "MT-ND#", "MT-CO#",
    "MT-ATP#", "FAM#A", "FAM#B", "FAM#C", "ANKRD#", "ARHGAP#", "ARHGEF#", "ALDH#A#", "S100A#", "IGFBP#",
    "IFIT#", "IFITM#", "LAMA#", "LAMB#", "LGALS#", "MMP#", "NKX#-#", "PRDM#", "RPL#L", "CASP#", "CBX#",
    "CDC#", "CENPA", "CLDN#", "CCNB#", "CCND#", "BMP#",
];
